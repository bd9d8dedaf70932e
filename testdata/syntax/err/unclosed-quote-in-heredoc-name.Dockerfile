FROM alpine
RUN <<"EOF
set -e
EOF
USER app
