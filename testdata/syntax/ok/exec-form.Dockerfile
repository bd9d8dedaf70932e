FROM alpine
SHELL ["/bin/bash", "-c"]
VOLUME ["/a", "/b c"]
ENTRYPOINT [ "a\u0041", "" ]
CMD []
