import http.server

import greeting


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open("/app/visits.txt", "a+") as visits:
            visits.write(self.path + "\n")
            visits.seek(0)
            count = len(visits.readlines())
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{greeting.hello('visitor')}: {count > 0}\n".encode())


http.server.HTTPServer(("", 8000), Handler).serve_forever()
