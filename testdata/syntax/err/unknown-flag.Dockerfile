FROM alpine
COPY --form=x a b
RUN --mount=type=hole,target=/a b
HEALTHCHECK --interval=1 CMD a
USER app
