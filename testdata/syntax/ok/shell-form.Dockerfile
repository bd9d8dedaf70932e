FROM alpine
RUN [ -f /a ] && b
CMD ["a", b]
ENTRYPOINT exec a "$@"
