from alpine as x
run a
onbuild user b
