FROM alpine
RUN apk add \
    # shells
    bash \

    zsh \  
    fish
USER app
