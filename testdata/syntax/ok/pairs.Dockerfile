FROM alpine
ENV a=1 b="two three" c=four\ five \
    d=
ENV old style value
LABEL "a b"=c
ARG x y=z
