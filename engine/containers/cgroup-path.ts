/** A container's node in every hierarchy. */
export const cgroupPath = (id: string): string => `/nacre/${id}`;
