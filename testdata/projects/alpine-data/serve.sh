#!/bin/sh
echo "written at run time" >/data/outbox/index.html
exec httpd -f -p 8080 -h /data/outbox
