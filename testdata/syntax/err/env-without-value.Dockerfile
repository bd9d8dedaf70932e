FROM alpine
ENV a
LABEL b
USER app
