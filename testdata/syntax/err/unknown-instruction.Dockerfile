FROM alpine
FOO bar \
  baz
USER app
