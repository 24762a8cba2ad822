# Run at build time: writes `out`, a C source with the bytes of `file` as `name`, and `name`_bytes. As bytes, because
# compilers bound the length of string literals.
file(READ ${file} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes
                     "${bytes}")
file(WRITE ${out} "#include \"services/http-api/openapi_text.h\"\n\nconst char ${name}[] = {\n${bytes}0x00};\n"
                  "const size_t ${name}_bytes = sizeof ${name} - 1;\n")
