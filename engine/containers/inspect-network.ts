// Docker's NetworkSettings. No network here gives an address yet: they say so in docker's words, so
// that templates which ask for one get nothing, and no error.

const NO_ADDRESS = {
  ...{ EndpointID: "", Gateway: "", GlobalIPv6Address: "", GlobalIPv6PrefixLen: 0 },
  ...{ IPAddress: "", IPPrefixLen: 0, IPv6Gateway: "", MacAddress: "" },
};

/** @param network the name as it was asked for: the one key of Networks */
export function networkJson(network: string): Record<string, unknown> {
  return {
    ...{ Bridge: "", SandboxID: "", SandboxKey: "", Ports: {}, HairpinMode: false },
    ...{ LinkLocalIPv6Address: "", LinkLocalIPv6PrefixLen: 0 },
    ...{ SecondaryIPAddresses: null, SecondaryIPv6Addresses: null },
    ...NO_ADDRESS,
    Networks: {
      [network]: {
        ...{ IPAMConfig: null, Links: null, Aliases: null, DriverOpts: null, NetworkID: "" },
        ...NO_ADDRESS,
        DNSNames: null,
      },
    },
  };
}
