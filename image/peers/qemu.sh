#!/bin/sh
# qemu.sh: runs inside the root of image/peers/qemu.lock (tools/peers.sh) and leaves /out: QEMU with little more than the
# nitro-enclave machine, its libraries and firmware, and `qemu`, which starts it from wherever the folder is.
set -eu
mkdir -p /build /out/lib /out/share
printf 'roms = []\n' > /usr/src/qemu/pc-bios/meson.build # firmware comes from packages
mkdir -p /etc/ssl/certs # what pip reads before it does nothing that needs them
cat /usr/share/ca-certificates/mozilla/*.crt > /etc/ssl/certs/ca-certificates.crt
cd /build
/usr/src/qemu/configure --cc=gcc --host-cc=gcc --target-list=x86_64-softmmu --without-default-features --enable-tcg \
    --enable-vhost-user --enable-gnutls --enable-libcbor --enable-fdt=system --disable-docs --disable-install-blobs --disable-download
ninja -j "${JOBS:-2}" qemu-system-x86_64
./qemu-system-x86_64 -M help | grep -q '^nitro-enclave '

strip -o /out/qemu-system-x86_64 qemu-system-x86_64
ldd qemu-system-x86_64 | sed -n 's,.*[ \t]\(/[^ ]*\) (.*,\1,p' | while read -r library; do cp -L "$library" /out/lib/; done
cp -L /usr/share/seabios/*.bin /usr/share/qemu/*.bin /usr/share/qemu/qboot.rom /out/share/
cat > /out/qemu << 'END'
#!/bin/sh
here=$(dirname "$(realpath "$0")")
exec "$here/lib/ld-linux-x86-64.so.2" --library-path "$here/lib" "$here/qemu-system-x86_64" -L "$here/share" "$@"
END
chmod 755 /out/qemu
