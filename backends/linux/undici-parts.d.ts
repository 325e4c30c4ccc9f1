// undici declares the types of its entry only; undici.ts says what these are.
declare module "undici/lib/*" {
  const part: unknown;
  export default part;
}
