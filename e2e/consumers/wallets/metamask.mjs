// MetaMask's own controllers of networks, fees, approvals and transactions, put together as the extension does. Only the screen and the key are ours.
import { ApprovalController } from "@metamask/approval-controller";
import { GasFeeController } from "@metamask/gas-fee-controller";
import { Messenger } from "@metamask/messenger";
import { NetworkController } from "@metamask/network-controller";
import { TransactionController } from "@metamask/transaction-controller";

/** MetaMask's own service of gas prices does not know a development chain; nothing listens here. */
const NO_SERVICE = "http://127.0.0.1:1/<chain_id>";

/** A wallet with one account on one network that its user has added by hand. */
export async function openWallet({ url, chainId, address, key }) {
  const root = new Messenger({ namespace: "Root" });
  /** A controller's own messenger, which may call these actions and hear these events of others. */
  const messenger = (namespace, actions = [], events = []) => {
    const own = new Messenger({ namespace, parent: root });
    root.delegate({ messenger: own, actions, events });
    return own;
  };
  answerFor(root, address);

  const networks = new NetworkController({
    messenger: messenger("NetworkController", ["ErrorReportingService:captureException"]),
    infuraProjectId: "0".repeat(32),
    getRpcServiceOptions: () => ({ fetch, btoa }),
    getBlockTrackerOptions: () => ({ pollingInterval: 500 }),
  });
  networks.initializeProvider();
  const added = networks.addNetwork({
    chainId,
    name: "Sidelight",
    nativeCurrency: "ETH",
    blockExplorerUrls: [],
    defaultRpcEndpointIndex: 0,
    rpcEndpoints: [{ type: "custom", name: "node-lite", url }],
  });
  const { networkClientId } = added.rpcEndpoints[0];
  await networks.setActiveNetwork(networkClientId);
  const hasEip1559 = () => networks.getEIP1559Compatibility(networkClientId);

  const approvals = new ApprovalController({ messenger: messenger("ApprovalController"), showApprovalRequest: () => {} });
  const fees = new GasFeeController({
    messenger: messenger(
      "GasFeeController",
      ["NetworkController:getEIP1559Compatibility", "NetworkController:getNetworkClientById", "NetworkController:getState"],
      ["NetworkController:networkDidChange", "NetworkController:stateChange"],
    ),
    getProvider: () => networks.getProviderAndBlockTracker().provider,
    getCurrentNetworkEIP1559Compatibility: hasEip1559,
    getCurrentAccountEIP1559Compatibility: () => true,
    getCurrentNetworkLegacyGasAPICompatibility: () => false,
    legacyAPIEndpoint: NO_SERVICE,
    EIP1559APIEndpoint: NO_SERVICE,
    clientId: "extension",
  });
  const transactions = new TransactionController({
    messenger: messenger(
      "TransactionController",
      [
        "AccountsController:getSelectedAccount",
        "AccountsController:getState",
        "ApprovalController:addRequest",
        "KeyringController:signEip7702Authorization",
        "NetworkController:findNetworkClientIdByChainId",
        "NetworkController:getNetworkClientById",
        "RemoteFeatureFlagController:getState",
      ],
      ["NetworkController:stateChange"],
    ),
    getCurrentNetworkEIP1559Compatibility: hasEip1559,
    getCurrentAccountEIP1559Compatibility: async () => true,
    getGasFeeEstimates: (options) => fees.fetchGasFeeEstimates(options),
    getNetworkClientRegistry: networks.getNetworkClientRegistry.bind(networks),
    getNetworkState: () => networks.state,
    getPermittedAccounts: async () => [address],
    isSimulationEnabled: () => false,
    isFirstTimeInteractionEnabled: () => false,
    sign: async (transaction) => transaction.sign(key),
    disableHistory: true,
    disableSendFlowHistory: true,
    disableSwaps: true,
    transactionHistoryLimit: 16,
    hooks: {},
  });

  return {
    state: networks.state.networksMetadata[networkClientId],
    hasEip1559,
    /** What a page that is connected to the wallet gets as `window.ethereum`. */
    provider: networks.getProviderAndBlockTracker().provider,
    /** Sends as a page would ask for it, with fees and gas as MetaMask suggests them, and waits until MetaMask shows it confirmed or failed. */
    async send(params) {
      const request = { from: address, ...params };
      const { result, transactionMeta } = await transactions.addTransaction(request, { networkClientId, origin: "https://example.org" });
      approvals.accept(transactionMeta.id);
      await result;
      return ended(transactions, transactionMeta.id);
    },
    close() {
      transactions.stopIncomingTransactionPolling();
      transactions.destroy();
      fees.destroy();
      return networks.destroy();
    },
  };
}

/** What other controllers of the extension would say. */
function answerFor(root, address) {
  const account = { id: "first", address, type: "eip155:eoa", metadata: { keyring: { type: "HD Key Tree" } } };
  const answers = {
    "ErrorReportingService:captureException": (error) => console.error(error),
    "AccountsController:getSelectedAccount": () => account,
    "AccountsController:getState": () => ({ internalAccounts: { accounts: { first: account }, selectedAccount: "first" } }),
    "KeyringController:signEip7702Authorization": () => Promise.reject(new Error("not asked for in this test")),
    "RemoteFeatureFlagController:getState": () => ({ remoteFeatureFlags: {} }),
  };
  const owners = new Map();
  for (const [action, answer] of Object.entries(answers)) {
    const namespace = action.split(":")[0];
    if (!owners.has(namespace)) owners.set(namespace, new Messenger({ namespace, parent: root }));
    owners.get(namespace).registerActionHandler(action, answer);
  }
}

async function ended(transactions, id) {
  const until = Date.now() + 30_000;
  while (Date.now() < until) {
    const found = transactions.state.transactions.find((each) => each.id === id);
    if (["confirmed", "failed", "dropped"].includes(found?.status)) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("MetaMask shows the transaction neither confirmed nor failed after 30 s");
}
