# Run at build time: writes `out`, a C table of each of `scripts` with its libraries in front: lib.lua, and those that a line
# `-- Behind account_lib.lua, listing_lib.lua.` of the script names.
# A script must not end a long bracket of C: the text goes in as bytes, because compilers bound the length of string
# literals.
set(table "#include \"services/presence-core/script_table.h\"\n\n")
set(rows "")
foreach(script ${scripts})
  file(READ ${folder}/lib.lua lib HEX)
  file(READ ${folder}/${script}.lua text HEX)
  file(STRINGS ${folder}/${script}.lua behind REGEX "^-- Behind ")
  string(REGEX MATCHALL "[a-z_]+\\.lua" libraries "${behind}")
  foreach(library ${libraries})
    file(READ ${folder}/${library} library_text HEX)
    string(APPEND lib "0a${library_text}")
  endforeach()
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${lib}0a${text}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes
                       "${bytes}")
  string(APPEND table "static const char text_of_${script}[] = {\n${bytes}0x00};\n\n")
  string(APPEND rows "    {\"${script}\", text_of_${script}, sizeof text_of_${script} - 1},\n")
endforeach()
string(APPEND table "const script_source script_table[SCRIPTS_COUNT] = {\n${rows}};\n")
file(WRITE ${out} "${table}")
