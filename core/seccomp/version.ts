// Apart from the profile, which few runs read.

/** Part of the name that filters of the default profile are kept under: raised with every change of it or of the compiler. */
export const DEFAULT_PROFILE_VERSION = 1;
