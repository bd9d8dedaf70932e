#!/bin/sh
echo "$(hello-proof) owned by $OWNER, uid=$(id -u)"
