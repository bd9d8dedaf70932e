#!/bin/sh
echo "$(hello-proof) on ubi, uid=$(id -u)"
