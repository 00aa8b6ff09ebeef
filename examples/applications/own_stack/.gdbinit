# For gdb-multiarch in this folder, beside `microvisor debug`: it stops the application and shows where. GDB reads it if its
# own init file says so: add-auto-load-safe-path and this folder.
set remotetimeout 10
target remote localhost:8001
