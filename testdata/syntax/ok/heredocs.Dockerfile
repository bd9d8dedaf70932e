FROM alpine
RUN <<A cat > /a && <<-"B" cat > /b
one $x
A
	two
	B
COPY --chmod=755 <<run.sh 3<<x /bin/
#!/bin/sh
run.sh
x
