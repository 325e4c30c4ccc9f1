import { HostNetwork } from "@nacre/engine/networks/host.ts";
import { NoneNetwork } from "@nacre/engine/networks/none.ts";
import { LinuxFiles } from "@nacre/linux/files.ts";
import { networkDriverContract } from "./network-driver.ts";

networkDriverContract("none", () => new NoneNetwork());
networkDriverContract("host", () => new HostNetwork(new LinuxFiles()));
