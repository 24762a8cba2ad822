/* free_port - a TCP port of 127.0.0.1 that was free a moment ago. Fails the test where there is none. */
#ifndef ZP_TESTS_FREE_PORT_H
#define ZP_TESTS_FREE_PORT_H

int free_port(void);

#endif
