# about the file

# about x
ARG x

FROM alpine
  # indented
USER app # no comment
#