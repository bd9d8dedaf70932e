#!/bin/sh
# Root prepares the folder, the worker does the work.
mkdir -p /var/spool/work
chown worker /var/spool/work
exec su worker -c /usr/local/bin/work.sh
