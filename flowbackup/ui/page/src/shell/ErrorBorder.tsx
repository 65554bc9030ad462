import { Component, type ReactNode } from "react";
import { Button } from "../parts";

interface Props {
  children: ReactNode;
}

/** Where a screen fails, the others stay usable, and the fault is said. */
export class ErrorBorder extends Component<Props, { fault: Error | null }> {
  override state = { fault: null as Error | null };

  static getDerivedStateFromError(fault: unknown) {
    return { fault: fault instanceof Error ? fault : new Error(String(fault)) };
  }

  override render() {
    if (!this.state.fault) return this.props.children;
    return (
      <div className="screen">
        <div className="note" data-tone="bad" role="alert">
          <p>
            <strong>This screen failed.</strong> {this.state.fault.message}
          </p>
        </div>
        <div className="row">
          <Button onClick={() => this.setState({ fault: null })}>Try again</Button>
          <Button onClick={() => location.reload()}>Reload the page</Button>
        </div>
      </div>
    );
  }
}
