const http = require("http");
const greet = require("greet");
const port = process.env.PORT || 3000;
http.createServer((request, response) => response.end(greet(request.url) + "\n")).listen(port);
