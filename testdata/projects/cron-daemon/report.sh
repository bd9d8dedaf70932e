#!/bin/sh
echo "the report is made by $(id -un)" >/var/log/report.txt
