FROM alpine
CMD ["a", 1]
USER app
