#!/bin/sh
echo "$(hello-proof) for $1, uid=$(id -u)"
