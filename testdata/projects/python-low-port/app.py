import http.server
import os
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"python greets {self.path}\n".encode())


http.server.HTTPServer(("", int(os.environ.get("PORT", "8000"))), Handler).serve_forever()
