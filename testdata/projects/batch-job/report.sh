#!/bin/sh
set -e
echo "report with $(ls /var/reports | wc -l) entries, uid=$(id -u)"
