/// <reference types="vite/client" />
declare module '*?sharedworker&url' {
  const address: string
  export default address
}
