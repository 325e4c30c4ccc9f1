/** What follows when a container turns unhealthy, as podman has it. */
export const HEALTH_ACTIONS = ["none", "kill", "restart", "stop"] as const;
export type HealthAction = (typeof HEALTH_ACTIONS)[number];
