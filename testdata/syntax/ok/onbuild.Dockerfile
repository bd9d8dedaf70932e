FROM alpine
ONBUILD RUN --mount=type=cache,target=/c a
ONBUILD HEALTHCHECK CMD ["a"]
ONBUILD COPY <<E /e
hi
E
