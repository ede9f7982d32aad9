//! Plan → live namespaces: rootless start, netlink, nft, sysctls; all `unsafe` of the testbed.
