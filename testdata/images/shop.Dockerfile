# What `testdata/images/shop` was built from.
FROM debian:12
COPY . /srv/shop
RUN cp /bin/sh /usr/local/bin/as-root && chmod 4755 /usr/local/bin/as-root
RUN rm .npmrc
WORKDIR /srv/shop
USER shop
ENTRYPOINT ["/srv/shop/start.sh"]
