FROM --platform=$BUILDPLATFORM alpine AS build
COPY --from=build --chown=a:b --link "a" /b
RUN --mount=type=secret,id=x --network=none --security=sandbox -- a
RUN --mount="type=bind,source=a b,target=/c" d
