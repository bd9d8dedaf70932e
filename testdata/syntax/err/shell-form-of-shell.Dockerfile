FROM alpine
SHELL /bin/bash -c
USER app
