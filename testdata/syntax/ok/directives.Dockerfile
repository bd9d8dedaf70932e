# syntax=docker/dockerfile:1.7
#  escape = `
# check=skip=all;error=true
# no directive
FROM alpine
RUN dir c:\ `
  && b
