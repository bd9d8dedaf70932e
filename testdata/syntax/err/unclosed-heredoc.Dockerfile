FROM alpine
RUN <<EOF
set -e
echo a
USER app
CMD ["a"]
