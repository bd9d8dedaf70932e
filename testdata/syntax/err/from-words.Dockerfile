FROM alpine as
FROM alpine AS 1x
FROM
USER app
