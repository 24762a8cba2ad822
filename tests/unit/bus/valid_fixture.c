#include "tests/unit/bus/valid_fixture.h"

Zp__Position position;
Zp__ProcessInfo process;
Zp__Beat beat;
char text_of_64[65], text_of_65[66], text_of_128[129], text_of_129[130];

int reset_shared(void **state) {
    (void)state;
    memset(text_of_128, 'a', 128);
    memset(text_of_129, 'a', 129);
    memset(text_of_64, 'a', 64);
    memset(text_of_65, 'a', 65);
    position = (Zp__Position)ZP__POSITION__INIT;
    position.epoch = 1765535445123;
    position.seq = 42;
    process = (Zp__ProcessInfo)ZP__PROCESS_INFO__INIT;
    process.kind = "ws-edge";
    process.name = "ws-edge-1";
    process.version = "0.1.0";
    process.address = "127.0.0.1:7100";
    process.admin = "127.0.0.1:9100";
    beat = (Zp__Beat)ZP__BEAT__INIT;
    beat.process = &process;
    beat.seen = &position;
    return 0;
}
