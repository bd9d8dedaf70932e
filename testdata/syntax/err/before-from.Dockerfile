RUN a
FROM alpine
USER app
