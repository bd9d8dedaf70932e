FROM alpine
HEALTHCHECK --interval=5s --timeout=1m30s CMD curl -f http://localhost/ || exit 1
HEALTHCHECK NONE
