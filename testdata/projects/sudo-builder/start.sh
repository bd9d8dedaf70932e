#!/bin/sh
echo "$(hello-proof), started, uid=$(id -u)"
