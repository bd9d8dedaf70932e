FROM alpine
USER app