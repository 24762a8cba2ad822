"""Which links between processes go through the proxy, and what is done to them.

One process of a kind only, so that what it finds and what its peers find differ: an edge that cannot reach a core which
the others reach. A link's name is "service>peer", as System's `route` names them."""

from harness.ports import free_port

from .child import Child

# Of these, every link to a peer of these kinds.
_ROUTED = {
    "ws-edge-1": ("presence-core-",),
    "ws-edge-2": ("fanout-",),
    "fanout-1": ("presence-core-",),
    "http-api-1": ("presence-core-",),
    "expiry-watcher-1": ("presence-core-",),
    "presence-core-1": ("redis",),
}


class Links:
    def __init__(self):
        self._listens = {}  # name -> (port of the proxy, port of the peer)
        self._child = None

    def route(self, service, peer, port):
        if not peer.startswith(_ROUTED.get(service, ("-",))):
            return port
        if service.startswith("presence-core") and peer != "redis":
            return port
        return self._listens.setdefault(f"{service}>{peer}", (free_port(), port))[0]

    def start(self, log_path):
        """After every route is known, and before anybody connects."""
        self._listens = {name: ports for name, ports in self._listens.items() if self._is_used(name)}
        self._child = Child("proxy", log_path, {"listens": [[name, *ports] for name, ports in self._listens.items()]})

    @staticmethod
    def _is_used(name):
        """A service is told of all peers, and talks to some: only a fanout hears what the cores publish."""
        service, peer = name.split(">")
        return not peer.endswith("/pub") or service.startswith("fanout")

    @property
    def names(self):
        return sorted(self._listens)

    @property
    def groups(self):
        """What one fault takes: each link alone, and all links of one service to one kind together."""
        together = {}
        for name in self.names:
            service, peer = name.split(">")
            kind = peer.split("/")[0].rsplit("-", 1)[0] if peer != "redis" else peer
            together.setdefault(f"{service}>{kind}", []).append(name)
        return {**{name: [name] for name in self.names},
                **{group: names for group, names in together.items() if len(names) > 1}}

    def set(self, names, mode, amount=0.0):
        self._child.ask("set", names=names, mode=mode, amount=amount)

    def passed_bytes(self):
        return self._child.ask("passed")

    @property
    def pid(self):
        return self._child.pid

    def end(self):
        if self._child is not None:
            self._child.end()
            self._child = None
