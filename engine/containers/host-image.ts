/** The name of the pseudo-image that is this machine's own root. */
export const HOST_IMAGE = "host";
