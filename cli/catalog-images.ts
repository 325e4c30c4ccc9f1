// The commands on images: a part of catalog.ts.

import type { Entry } from "./catalog-entry.ts";

export const IMAGE_COMMANDS: readonly Entry[] = [
  {
    name: "pull",
    aliases: ["image pull"],
    summary: "Download an image from a registry",
    group: "Images",
    load: () => import("./commands/pull.ts"),
  },
  {
    name: "push",
    aliases: ["image push"],
    summary: "Upload an image to a registry",
    group: "Images",
    load: () => import("./commands/push.ts"),
  },
  {
    name: "login",
    summary: "Keep credentials for a registry",
    group: "Images",
    load: () => import("./commands/login.ts"),
  },
  {
    name: "logout",
    summary: "Forget credentials for a registry",
    group: "Images",
    load: () => import("./commands/logout.ts"),
  },
  {
    name: "search",
    summary: "Find repositories in a registry",
    group: "Images",
    load: () => import("./commands/search.ts"),
  },
  {
    name: "images",
    aliases: ["image ls", "image list"],
    summary: "List images",
    group: "Images",
    load: () => import("./commands/images.ts"),
  },
  {
    name: "save",
    aliases: ["image save"],
    summary: "Write images as a tar",
    group: "Images",
    load: () => import("./commands/save.ts"),
  },
  {
    name: "load",
    aliases: ["image load"],
    summary: "Take images from a tar",
    group: "Images",
    load: () => import("./commands/load.ts"),
  },
  {
    name: "import",
    aliases: ["image import"],
    summary: "Make an image of a tar",
    group: "Images",
    load: () => import("./commands/import.ts"),
  },
  {
    name: "image inspect",
    summary: "Show everything about images, as JSON",
    group: "Images",
    load: () => import("./commands/image-inspect.ts"),
  },
  {
    name: "image layers",
    summary: "Show an image's layers, or which of them gives a path",
    group: "Images",
    load: () => import("./commands/image-layers.ts"),
  },
  {
    name: "history",
    aliases: ["image history"],
    summary: "Show the steps by which an image was made",
    group: "Images",
    load: () => import("./commands/history.ts"),
  },
  {
    name: "tag",
    aliases: ["image tag"],
    summary: "Give an image one more name",
    group: "Images",
    load: () => import("./commands/tag.ts"),
  },
  {
    name: "rmi",
    aliases: ["image rm", "image remove"],
    summary: "Remove one or more images",
    group: "Images",
    load: () => import("./commands/rmi.ts"),
  },
];
