#!/bin/sh
hello-proof
touch /srv/started
echo "$GREETING at level $LEVEL in $COLOUR, uid=$(id -u)"
ls /srv
