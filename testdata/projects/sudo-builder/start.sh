#!/bin/sh
echo "started, uid=$(id -u)"
