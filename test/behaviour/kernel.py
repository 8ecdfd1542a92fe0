"""What looks like a kernel to whoever makes or measures an enclave image."""
import struct

RELEASE = "6.12.9-veronnx"


def bzimage(payload=bytes(range(256)) * 8):
    """The header fields that a boot loader reads, one setup sector, a payload in paragraphs of 16 bytes."""
    image = bytearray(1024) + payload
    image[0x1F1] = 1
    struct.pack_into("<I", image, 0x1F4, len(payload) // 16)
    image[0x1FE:0x200] = b"\x55\xaa"
    image[0x202:0x206] = b"HdrS"
    struct.pack_into("<HIHH", image, 0x206, 0x20F, 0, 0, 0x100)
    image[0x300:0x300 + len(RELEASE) + 9] = RELEASE.encode() + b" (a@b) #1"
    return bytes(image)
